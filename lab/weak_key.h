/* SPDX-License-Identifier: Apache-2.0 */
/* A key that core/jose makes for nobody: RSA of 1024 bit. */
#ifndef SP_LAB_WEAK_KEY_H
#define SP_LAB_WEAK_KEY_H

#include "core/jose/crypto.h"

SP_MUST_CHECK enum sp_status sp_lab_weak_key(struct sp_key **key);

#endif
