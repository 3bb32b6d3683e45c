/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- files ---- */

#define MAY_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)
#define MAY_LIST (MAY_READ | LANDLOCK_ACCESS_FS_READ_DIR)
/* All that the first version of Landlock knows: what is not allowed below is refused. */
#define ALL_OF_IT ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static const struct {
    const char *path;
    uint64_t access;
} allowed[] = {
    {"/usr", MAY_LIST},           {"/lib", MAY_LIST},           {"/lib64", MAY_LIST},
    {"/bin", MAY_LIST},           {"/opt", MAY_LIST},           {"/etc/ld.so.cache", MAY_READ},
    {"/etc/wireshark", MAY_LIST}, {"/etc/localtime", MAY_READ},
};

static bool allow(int rules, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return true; /* what is not there needs no leave */
    bool added = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    close(rule.parent_fd);
    return added;
}

static bool confine_files(const char *program)
{
    struct landlock_ruleset_attr handled = {.handled_access_fs = ALL_OF_IT};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP;
    bool done = allow(rules, program, MAY_READ);
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        done = done && allow(rules, allowed[i].path, allowed[i].access);
    done = done && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return done;
}

/* ---- calls ---- */

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef OWN_ARCHITECTURE
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
#define REFUSE_NUMBER(number)                                                                                          \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), ANSWER(SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA))
#define REFUSE(name) REFUSE_NUMBER(SYS_##name)

/* Calls of kernels younger than the headers that we are built with; such numbers are the same on every architecture. */
enum { CALL_FCHMODAT2 = 452, CALL_SETXATTRAT = 463, CALL_REMOVEXATTRAT = 466, CALL_FILE_SETATTR = 469 };

/* Of an argument that is an int, the low half says all. */
#define LOAD_ARGUMENT(index) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[index]))
#define ONLY_TO(process, name)                                                                                         \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), LOAD_ARGUMENT(0),                                           \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, process, 0, 1), ANSWER(SECCOMP_RET_ALLOW),                                 \
        ANSWER(SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA))

/* A list of what is refused, because what tshark and its libraries call otherwise changes with each of their versions.
 * Without a socket nothing is connected, bound or sent; numbers from 2^30 on are those of x32. */
static bool confine_calls(void)
{
    const uint32_t self = (uint32_t)getpid(); /* it stays the child's number when it becomes the program */
    const struct sock_filter filter[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
        ANSWER(SECCOMP_RET_KILL_PROCESS),
        REFUSE(socket),
        REFUSE(socketpair),
        REFUSE(ptrace),
        REFUSE(process_vm_readv),
        REFUSE(process_vm_writev),
        REFUSE(pidfd_open),
        REFUSE(pidfd_getfd),
        /* Signals, limits and time on the processor of the user's other processes; abort() and threads need their own.
         */
        ONLY_TO(self, kill),
        ONLY_TO(self, tgkill),
        ONLY_TO(self, rt_sigqueueinfo),
        ONLY_TO(self, rt_tgsigqueueinfo),
        REFUSE(tkill),
        REFUSE(pidfd_send_signal),
        ONLY_TO(0, prlimit64),
        ONLY_TO(0, sched_setaffinity),
        ONLY_TO(0, sched_setscheduler),
        ONLY_TO(0, sched_setparam),
        ONLY_TO(0, sched_setattr),
        REFUSE(setpriority),
        REFUSE(ioprio_set),
        REFUSE(io_uring_setup),
        REFUSE(bpf),
        REFUSE(perf_event_open),
        REFUSE(userfaultfd),
        REFUSE(keyctl),
        REFUSE(add_key),
        REFUSE(request_key),
        REFUSE(unshare),
        REFUSE(setns),
        REFUSE(mount),
        REFUSE(open_by_handle_at),
        /* What the first version of Landlock lets anybody do to any file that the user owns. */
        REFUSE(truncate),
        REFUSE(fchmodat),
        REFUSE(fchownat),
        REFUSE_NUMBER(CALL_FCHMODAT2),
        REFUSE(setxattr),
        REFUSE(lsetxattr),
        REFUSE_NUMBER(CALL_SETXATTRAT),
        REFUSE(removexattr),
        REFUSE(lremovexattr),
        REFUSE_NUMBER(CALL_REMOVEXATTRAT),
        REFUSE_NUMBER(CALL_FILE_SETATTR),
        REFUSE(utimensat),
#ifdef SYS_chmod /* the older names, where the architecture has them */
        REFUSE(chmod),
        REFUSE(chown),
        REFUSE(lchown),
        REFUSE(utime),
        REFUSE(utimes),
        REFUSE(futimesat),
#endif
        /* A signal to another process when a pipe becomes ready: whose, and which. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 5),
        LOAD_ARGUMENT(1),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETOWN, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETOWN_EX, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETSIG, 0, 1),
        ANSWER(SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA)),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0],
                                 .filter = (struct sock_filter *)(uintptr_t)filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 || errno == EINVAL;
}
#else
static bool confine_calls(void)
{
    return true;
}
#endif

bool sp_confine_to(const char *program)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && confine_files(program) && confine_calls();
}
