/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/port_holder.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODULE "ngx_http_sallyport_module.so"
#define LISTENING 0x0Au /* TCP_LISTEN */

/* ---- the socket ---- */
/* A row of /proc/net/tcp or tcp6: the address in words of 32 bits, each as this machine's memory has it. */
struct row {
    unsigned char address[16];
    unsigned port, state, uid;
    unsigned long inode;
};

static bool read_row(const char *line, size_t words, struct row *row)
{
    char hex[33] = "";
    if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*x:%*x %x %*x:%*x %*x:%*x %*x %u %*u %lu", hex, &row->port, &row->state,
               &row->uid, &row->inode) != 5 ||
        strlen(hex) != 8 * words) {
        return false;
    }
    for (size_t i = 0; i < words; i++) {
        char word[9] = "";
        memcpy(word, hex + 8 * i, 8);
        const uint32_t value = (uint32_t)strtoul(word, NULL, 16);
        memcpy(row->address + 4 * i, &value, sizeof value);
    }
    return true;
}

static bool is_every_address(const unsigned char *address, size_t bytes)
{
    static const unsigned char zeros[16];
    return memcmp(address, zeros, bytes) == 0;
}

static bool row_holds(const struct row *row, size_t bytes, const struct sp_listen_place *place)
{
    const bool is_of_its_family = (place->family == SP_LISTEN_IPV4) == (bytes == 4);
    if (row->state != LISTENING || row->port != place->port) {
        return false;
    }
    if (!is_of_its_family) {
        return is_every_address(row->address, bytes); /* of both families, unless it was made for IPv6 alone */
    }
    return is_every_address(row->address, bytes) || sp_listen_place_is_wildcard(place) ||
           memcmp(row->address, place->address, bytes) == 0;
}

static bool find_socket(const char *table, size_t bytes, const struct sp_listen_place *place, struct row *found)
{
    char line[512];
    FILE *file = fopen(table, "re");
    bool is_found = false;
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL) {
        is_found = read_row(line, bytes / 4, found) && row_holds(found, bytes, place);
    }
    if (file != NULL) {
        fclose(file);
    }
    return is_found;
}

/* ---- whose it is ---- */
static bool has_socket(const char *pid, const char *socket)
{
    char path[300], target[64];
    snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
    DIR *folder = opendir(path);
    bool is_found = false;
    for (struct dirent *entry; folder != NULL && !is_found && (entry = readdir(folder)) != NULL;) {
        const ssize_t len = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        if (len > 0) {
            target[len] = '\0';
            is_found = strcmp(target, socket) == 0;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return is_found;
}

static void read_name(pid_t pid, char *name, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(name, (int)room, file) == NULL) {
        name[0] = '\0';
    }
    if (file != NULL) {
        fclose(file);
    }
    name[strcspn(name, "\n")] = '\0';
}

static void find_process(unsigned long inode, struct sp_port_holder *holder)
{
    char socket[64];
    snprintf(socket, sizeof socket, "socket:[%lu]", inode);
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder != NULL && holder->pid == 0 && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_socket(entry->d_name, socket)) {
            holder->pid = (pid_t)strtol(entry->d_name, NULL, 10);
            read_name(holder->pid, holder->name, sizeof holder->name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

void sp_port_holder_find(const struct sp_listen_place *place, struct sp_port_holder *holder)
{
    const bool is_ipv4 = place->family == SP_LISTEN_IPV4;
    struct row row = {.inode = 0};
    *holder = (struct sp_port_holder){.is_found = false};
    holder->is_found = find_socket(is_ipv4 ? "/proc/net/tcp" : "/proc/net/tcp6", is_ipv4 ? 4 : 16, place, &row) ||
                       find_socket(is_ipv4 ? "/proc/net/tcp6" : "/proc/net/tcp", is_ipv4 ? 16 : 4, place, &row);
    if (holder->is_found) {
        holder->uid = row.uid;
        find_process(row.inode, holder);
    }
}

bool sp_process_has_gateway(pid_t pid)
{
    char path[64], line[4608];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *file = fopen(path, "re");
    bool has_module = false;
    while (file != NULL && !has_module && fgets(line, sizeof line, file) != NULL) {
        has_module = strstr(line, MODULE) != NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    return has_module;
}
