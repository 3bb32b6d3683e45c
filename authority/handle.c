/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/handle.h"

#include <pthread.h>
#include <stdlib.h>
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

/* Each draw of OpenSSL's generator asks who the process is and makes its state anew, whatever it is asked for: some
 * bytes more are drawn at once. Each is given once and wiped; a child of fork has none of its parent's. */
#define DRAWN_BYTES 512u
static _Thread_local struct {
    unsigned char at[DRAWN_BYTES];
    size_t left;
} drawn;

static void forget_drawn(void)
{
    sp_wipe(drawn.at, sizeof drawn.at);
    drawn.left = 0;
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, forget_drawn) != 0)
        abort();
}

static void draw(void *at, size_t len)
{
    if (sp_random(at, len) != SP_OK)
        abort();
}

void sp_random_bytes(void *at, size_t len)
{
    static pthread_once_t watched = PTHREAD_ONCE_INIT;
    if (len > sizeof drawn.at / 4) {
        draw(at, len);
        return;
    }
    if (drawn.left < len) {
        pthread_once(&watched, watch_forks);
        draw(drawn.at, sizeof drawn.at);
        drawn.left = sizeof drawn.at;
    }
    drawn.left -= len;
    memcpy(at, drawn.at + drawn.left, len);
    sp_wipe(drawn.at + drawn.left, len);
}

struct sp_str sp_base64url_of(struct sp_arena *arena, const void *at, size_t len)
{
    struct sp_str text = SP_STR_NONE;
    return sp_base64url_encode(arena, sp_str(at, len), &text) == SP_OK ? text : SP_STR_NONE;
}

struct sp_str sp_handle_make(struct sp_arena *arena, const char *prefix, size_t bytes)
{
    unsigned char random[64];
    size_t head = strlen(prefix), len = head + SP_BASE64URL_ENCODED(bytes);
    char *text = sp_arena_alloc(arena, len + 1);
    if (text == NULL)
        return SP_STR_NONE;
    sp_random_bytes(random, bytes);
    memcpy(text, prefix, head);
    sp_base64url_encode_into(sp_str((const char *)random, bytes), text + head);
    text[len] = '\0';
    sp_wipe(random, sizeof random);
    return sp_str(text, len);
}

struct sp_str sp_family_make(struct sp_arena *arena, int64_t now)
{
    unsigned char name[16];
    for (size_t i = 0; i < 4; i++)
        name[i] = (unsigned char)(now >> (24 - 8 * i));
    sp_random_bytes(name + 4, sizeof name - 4);
    return sp_base64url_of(arena, name, sizeof name);
}

void sp_mac(const unsigned char key[32], struct sp_str text, unsigned char mac[32])
{
    unsigned char whole[64];
    if (sp_hmac(SP_HASH_SHA256, sp_str((const char *)key, 32), text, whole) != 32)
        abort();
    memcpy(mac, whole, 32);
}
