/* SPDX-License-Identifier: Apache-2.0 */
/* libqrencode, loaded when it is called first (probe/library.h). */
#include "probe/library.h"

#include <qrencode.h>

static const enum sp_library library = SP_LIBRARY_QRENCODE;

SP_LIBRARY_ROW(QRcode *, QRcode_encodeData, (int size, const unsigned char *data, int version, QRecLevel level), size,
               data, version, level)
SP_LIBRARY_ROW(void, QRcode_free, (QRcode * code), code)
