/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/listen_address.h"

#include <arpa/inet.h>

#include "core/policy/parts.h"

static size_t address_bytes(enum sp_listen_family family)
{
    return family == SP_LISTEN_IPV4 ? 4 : family == SP_LISTEN_IPV6 ? 16 : 0;
}

bool sp_listen_place_is_wildcard(const struct sp_listen_place *place)
{
    static const unsigned char zeros[16];
    const size_t bytes = address_bytes(place->family);
    return bytes > 0 && memcmp(place->address, zeros, bytes) == 0;
}

static bool read_port(struct sp_str text, unsigned *port)
{
    unsigned value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || value > 65535) {
            return false;
        }
        value = value * 10 + (unsigned)(text.at[i] - '0');
    }
    *port = value;
    return text.len > 0 && value <= 65535;
}

static void read_host(struct sp_listen_place *place)
{
    char text[INET6_ADDRSTRLEN];
    struct sp_str host = place->text;
    const bool is_bracketed = host.len > 2 && host.at[0] == '[';
    place->family = SP_LISTEN_NAME;
    if (is_bracketed) {
        host = sp_str_slice(host, 1, host.len - 1);
    }
    if (host.len >= sizeof text) {
        return;
    }
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    if (inet_pton(is_bracketed ? AF_INET6 : AF_INET, text, place->address) == 1) {
        place->family = is_bracketed ? SP_LISTEN_IPV6 : SP_LISTEN_IPV4;
    }
}

size_t sp_listen_places(struct sp_str address, struct sp_listen_place places[2])
{
    const struct sp_str scheme = SP_STR("unix:");
    size_t colon = address.len;
    places[0] = (struct sp_listen_place){.family = SP_LISTEN_UNIX};
    if (sp_str_has_prefix(address, scheme)) {
        places[0].text = sp_str_slice(address, scheme.len, address.len);
        return 1;
    }
    while (colon > 0 && address.at[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0 || !read_port(sp_str_slice(address, colon, address.len), &places[0].port)) {
        return 0;
    }
    if (colon == 1) {
        places[0].family = SP_LISTEN_IPV4;
        places[1] = places[0];
        places[1].family = SP_LISTEN_IPV6;
        return 2;
    }
    places[0].text = sp_str_slice(address, 0, colon - 1);
    read_host(&places[0]);
    return 1;
}

/* ---- each once ---- */
/* Whose places are met: the listeners by their number, admin behind the last. */
struct meeting {
    struct sp_draft *draft;
    const struct sp_serving *serving;
    struct sp_index owners; /* by the key of a place */
};

static struct sp_str key_of(const struct meeting *meeting, const struct sp_listen_place *place, bool of_wildcard)
{
    static const char digits[] = "0123456789abcdef";
    char hex[33] = "";
    for (size_t i = 0; !of_wildcard && i < address_bytes(place->family); i++) {
        hex[2 * i] = digits[place->address[i] >> 4];
        hex[2 * i + 1] = digits[place->address[i] & 15];
        hex[2 * i + 2] = '\0';
    }
    const bool is_any = of_wildcard || sp_listen_place_is_wildcard(place);
    const bool is_text = place->family == SP_LISTEN_UNIX || place->family == SP_LISTEN_NAME;
    return sp_draft_printf(meeting->draft, "%d %s%.*s %u", (int)place->family, is_any ? "*" : hex,
                           SP_STR_ARG(is_text ? place->text : SP_STR_NONE), place->port);
}

static bool is_free_choice(const struct sp_listen_place *place)
{
    return place->family != SP_LISTEN_UNIX && place->port == 0;
}

static struct sp_str address_of(const struct meeting *meeting, uint32_t owner)
{
    const struct sp_serving *serving = meeting->serving;
    return owner < serving->listener_count ? serving->listeners[owner].address : serving->admin_address;
}

static void complain(const struct meeting *meeting, uint32_t owner, uint32_t other, const char *how)
{
    const struct sp_str address = address_of(meeting, owner), taken = address_of(meeting, other);
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_TYPE,
                                           .value = meeting->serving->listeners[owner].source,
                                           .where = SP_STR("listen"),
                                           .expected = SP_STR("an address that nothing else here listens on"),
                                           .received = address,
                                           .detail = SP_STR("listen")};
    if (sp_str_equal(address, taken)) {
        sp_draft_complain(meeting->draft, &complaint, "%.*s stands twice among listen and admin", SP_STR_ARG(address));
    } else {
        sp_draft_complain(meeting->draft, &complaint, "%.*s %s %.*s, which stands among listen and admin too",
                          SP_STR_ARG(address), how, SP_STR_ARG(taken));
    }
}

/* True when it was met before; complained of. */
static bool meet(struct meeting *meeting, uint32_t owner)
{
    struct sp_listen_place places[2];
    const size_t count = sp_listen_places(address_of(meeting, owner), places);
    for (size_t i = 0; i < count; i++) {
        uint32_t other = is_free_choice(&places[i])
                             ? SP_INDEX_NONE
                             : sp_index_put(&meeting->owners, key_of(meeting, &places[i], false), owner);
        if (other != SP_INDEX_NONE && other != owner) {
            complain(meeting, owner, other, "is the same to nginx as");
            return true;
        }
    }
    return false;
}

/* A listener is bound by itself, which the kernel refuses beside the socket of all addresses. */
static void look_for_wildcard(const struct meeting *meeting, uint32_t owner)
{
    struct sp_listen_place place[2];
    if (sp_listen_places(address_of(meeting, owner), place) != 1 || address_bytes(place[0].family) == 0 ||
        sp_listen_place_is_wildcard(&place[0]) || is_free_choice(&place[0])) {
        return;
    }
    uint32_t other = sp_index_find(&meeting->owners, key_of(meeting, &place[0], true));
    if (other != SP_INDEX_NONE) {
        complain(meeting, owner, other, "is one of the addresses of");
    }
}

void sp_check_listen_addresses(struct sp_draft *draft, const struct sp_serving *serving)
{
    struct meeting meeting = {.draft = draft, .serving = serving};
    const uint32_t count = (uint32_t)serving->listener_count;
    if (sp_index_init(&meeting.owners, draft->arena, 2 * ((size_t)count + 1)) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return;
    }
    bool *met = SP_DRAFT_ARRAY(draft, bool, (size_t)count + 1);
    if (met != NULL && serving->has_admin) {
        (void)meet(&meeting, count);
    }
    for (uint32_t i = 0; met != NULL && i < count && draft->status == SP_OK; i++) {
        met[i] = meet(&meeting, i);
    }
    for (uint32_t i = 0; met != NULL && i < count && draft->status == SP_OK; i++) {
        if (!met[i]) {
            look_for_wildcard(&meeting, i);
        }
    }
}
