/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/ca_file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CA_NAME "ca.pem"
#define FOLDER_PREFIX "sallyport-lab-"

/* The folder of a lab of ours whose process is gone: its name says which it was. */
static bool is_left_behind(const char *parent, const char *name, char path[512])
{
    char *end = NULL;
    struct stat facts;
    if (strncmp(name, FOLDER_PREFIX, sizeof FOLDER_PREFIX - 1) != 0)
        return false;
    long pid = strtol(name + sizeof FOLDER_PREFIX - 1, &end, 10);
    if (pid <= 1 || pid > INT_MAX || *end != '-' || snprintf(path, 512, "%s/%s", parent, name) >= 512)
        return false;
    return lstat(path, &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == geteuid() &&
           kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* A lab that was killed could not take its folder away. What else is in there stays, and the folder with it. */
static void remove_left_behind(const char *parent)
{
    DIR *all = opendir(parent);
    char path[512], file[544];
    for (struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;)
        if (is_left_behind(parent, entry->d_name, path)) {
            snprintf(file, sizeof file, "%s/" CA_NAME, path);
            (void)unlink(file);
            (void)rmdir(path);
        }
    if (all != NULL)
        closedir(all);
}

enum sp_status sp_lab_ca_file_write(struct sp_arena *arena, struct sp_str pem, struct sp_str *folder,
                                    struct sp_str *file, char trouble[256])
{
    const char *place = getenv("TMPDIR");
    place = place != NULL ? place : "/tmp";
    remove_left_behind(place);
    struct sp_str made = sp_arena_printf(arena, "%s/" FOLDER_PREFIX "%ld-XXXXXX", place, (long)getpid());
    bool exists = made.at != NULL && mkdtemp((char *)(uintptr_t)made.at) != NULL;
    if (exists)
        *folder = made;
    *file = exists ? sp_arena_printf(arena, "%s/" CA_NAME, made.at) : SP_STR_NONE;
    FILE *stream = file->at != NULL ? fopen(file->at, "we") : NULL;
    bool written = stream != NULL && fwrite(pem.at, 1, pem.len, stream) == pem.len;
    if (stream != NULL && fclose(stream) != 0)
        written = false;
    if (!written)
        snprintf(trouble, 256, "%.180s: %s", made.at != NULL ? made.at : "", strerror(errno));
    return written ? SP_OK : SP_IO;
}

void sp_lab_ca_file_remove(struct sp_str folder, struct sp_str file)
{
    if (file.at != NULL)
        (void)unlink(file.at);
    if (folder.at != NULL)
        (void)rmdir(folder.at);
}
