/* SPDX-License-Identifier: Apache-2.0 */
/* The script that asks the browser for a passkey: the one thing that cannot be done without. It finds <form
 * id=passkey>, takes what it needs from the form's data- attributes (so its text, and its hash in the CSP, is the same
 * on every page), fills the form's fields and sends it. It talks to nobody. */
#ifndef SP_AUTHORITY_PASSKEY_SCRIPT_H
#define SP_AUTHORITY_PASSKEY_SCRIPT_H

#include "core/base/str.h"

struct sp_str sp_passkey_script(void);

#endif
