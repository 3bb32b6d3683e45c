/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/qr_code.h"

#include <qrencode.h>
#include <stdlib.h>
#include "core/base/secret.h"

/* ISO 18004 6.3.8: four modules of light around it. */
#define QUIET 4

/* Dark modules, row by row, each run as one bar. */
static void write_path(struct sp_buffer *html, const unsigned char *modules, int width)
{
    for (int y = 0; y < width; y++) {
        const unsigned char *row = modules + (size_t)y * (size_t)width;
        for (int x = 0; x < width;) {
            int end = x;
            while (end < width && (row[end] & 1) != 0)
                end++;
            if (end > x)
                sp_buffer_printf(html, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, end - x, end - x);
            x = end + 1;
        }
    }
}

void sp_page_qr_code(struct sp_page *page, struct sp_str text, struct sp_str description)
{
    QRcode *code = QRcode_encodeData((int)text.len, (const unsigned char *)text.at, 0, QR_ECLEVEL_M);
    if (code == NULL)
        return;
    sp_buffer_printf(&page->html, "<svg class=\"qr\" role=\"img\" viewBox=\"0 0 %d %d\" aria-label=\"",
                     code->width + 2 * QUIET, code->width + 2 * QUIET);
    sp_page_text(page, description);
    sp_page_raw(page, SP_STR("\"><path fill=\"#fff\" d=\"M0 0h200v200H0z\"/><path fill=\"#000\" d=\""));
    write_path(&page->html, code->data, code->width);
    sp_page_raw(page, SP_STR("\"/></svg>"));
    sp_wipe(code->data, (size_t)code->width * (size_t)code->width); /* it holds a secret */
    QRcode_free(code);
}
