/* SPDX-License-Identifier: Apache-2.0 */
/* A call of the authority, tried with a store that fails at its first step, its second, … up to its last, and at the
 * flush of its turn: our failure is said, nothing is kept and nothing handed out, and the same request succeeds once
 * the store can be written again. Passwords are compared as they are in place of being hashed. */
#ifndef SP_TESTS_FAULT_SCENE_H
#define SP_TESTS_FAULT_SCENE_H

#include "tests/support/authority_fixture.h"

#define SCENE_VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define SCENE_CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define SCENE_CALLBACK "https://app.example/cb"
/* RFC 7515 A.3's key. */
#define SCENE_PUBLIC_KEY                                                                                               \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","            \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

struct scene {
    struct fixture *fixture;
    char cookies[2048];
    struct fixture_request request; /* what is tried */
    bool is_admin;
    /* The body, JSON, that an outside server answers with at this URL; NULL: none may be asked. */
    const char *(*serve)(struct scene *scene, struct sp_str url);
};

struct fault_scene {
    const char *name;
    void (*prepare)(struct scene *scene);
    int status;
    bool ends_sessions;
    /* What proves the request is used up before it is answered, by a write of its own (replay.h): after our failure it
     * is refused with this status. 0: nothing is. */
    int status_once_spent;
};

/* A test program of these scenes, each failed at every step and lost at every flush; its exit status. The account ann
 * with the password right-password is there when a scene is prepared. */
int fault_scenes_main(const char *section, const struct fault_scene *scenes, size_t count);

/* ---- for scenes ---- */
/* With the account ann and her password; the fixture is the caller's to destroy. */
void scene_begin(struct scene *scene, const char *section);
/* The same on the heap, as the state of a test. */
void scene_start(void **state, const char *section);
int scene_stop(void **state);
const char *scene_text(struct scene *scene, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What stands between `before` and the next of `ends`; fails the test when it is not there. */
const char *scene_between(struct scene *scene, struct sp_str in, const char *before, const char *ends);
const char *scene_header(struct scene *scene, const struct sp_call *call, const char *name); /* NULL: none */
const char *scene_form_token(struct scene *scene, const struct sp_call *page);
const char *scene_cookies(struct scene *scene);
struct sp_call *scene_get(struct scene *scene, const char *path, const char *query);
/* Sends scene->request, expects the status and keeps the cookies. */
struct sp_call *scene_send(struct scene *scene, int status);
/* A form of the browser, not sent yet. */
void scene_fill(struct scene *scene, const char *path, const char *body);
/* The sign-in page of a request, with ann's password in its form; or signed in: her code. */
void scene_fill_sign_in(struct scene *scene, const char *authorization);
const char *scene_sign_in(struct scene *scene, const char *authorization);
/* Signed by the key above. */
const char *scene_sign(struct scene *scene, const char *header, const char *claims);

#endif
