/* Loaded into a process by LD_PRELOAD: writes down, in their true order, what it does to the files of one folder, as a
 * disk sees it. A mutex is held around each call and its record, so that the order of the records is that of the calls.
 * Nothing but system calls is used beneath, for the functions of the C library are those that are replaced here.
 *
 * POWER_FOLDER names the folder, POWER_LOG the file for the records: 64 bits each of kind, handle, place and length, in
 * the machine's own order, then as many bytes. A handle stands for one open file of this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define MOST_FILES 4096

enum kind { BEGUN, OPENED, CREATED, WRITTEN, CUT, SYNCED, UNLINKED, MARKED };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ready, log_file = -1;
static const char *folder;
static size_t folder_length;
static uint64_t handles[MOST_FILES], opened;

static void put(const void *bytes, size_t length)
{
    const char *rest = bytes;
    while (length > 0) {
        long done = syscall(SYS_write, log_file, rest, length);
        if (done < 0) {
            if (errno == EINTR)
                continue;
            abort(); /* a record with gaps would show nothing */
        }
        rest += done;
        length -= (size_t)done;
    }
}

static void note(enum kind kind, uint64_t handle, uint64_t place, const void *bytes, size_t length)
{
    uint64_t head[4] = {kind, handle, place, length};
    int kept = errno;
    put(head, sizeof head);
    put(bytes, length);
    errno = kept;
}

/* Begins to record at the first call of all, which may come before any constructor. */
static int begin(void)
{
    const char *path;
    pthread_mutex_lock(&lock);
    if (!ready) {
        ready = 1;
        folder = getenv("POWER_FOLDER");
        path = getenv("POWER_LOG");
        if (folder && path) {
            folder_length = strlen(folder);
            log_file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
            if (log_file < 0)
                abort();
            note(BEGUN, 0, 0, "", 0);
        }
    }
    return log_file >= 0;
}

static void end(void)
{
    pthread_mutex_unlock(&lock);
}

/* Gives a path's name within the folder, "" for the folder itself, or nothing for all others. */
static const char *name_of(const char *path)
{
    if (strncmp(path, folder, folder_length) != 0)
        return NULL;
    path += folder_length;
    return *path == '/' ? path + 1 : *path == '\0' ? path : NULL;
}

static uint64_t handle_of(int file)
{
    return file >= 0 && file < MOST_FILES ? handles[file] : 0;
}

static int open_noted(const char *path, int flags, mode_t mode)
{
    const char *name = begin() ? name_of(path) : NULL;
    int exists = name && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (name && file >= 0) {
        if (file >= MOST_FILES)
            abort();
        handles[file] = ++opened;
        note(exists ? OPENED : CREATED, opened, 0, name, strlen(name));
        if (flags & O_TRUNC)
            note(CUT, opened, 0, "", 0);
    }
    end();
    return file;
}

static long write_noted(int file, const void *bytes, size_t length, off_t place)
{
    uint64_t handle = begin() ? handle_of(file) : 0;
    long done;
    if (place < 0) {
        off_t here = handle ? syscall(SYS_lseek, file, 0, SEEK_CUR) : 0;
        done = syscall(SYS_write, file, bytes, length);
        place = here;
    } else {
        done = syscall(SYS_pwrite64, file, bytes, length, place);
    }
    if (handle && done > 0)
        note(WRITTEN, handle, (uint64_t)place, bytes, (size_t)done);
    end();
    return done;
}

static int cut_noted(int file, off_t length)
{
    uint64_t handle = begin() ? handle_of(file) : 0;
    int result = (int)syscall(SYS_ftruncate, file, length);
    if (handle && result == 0)
        note(CUT, handle, (uint64_t)length, "", 0);
    end();
    return result;
}

static int sync_noted(int file, long call)
{
    uint64_t handle = begin() ? handle_of(file) : 0;
    int result = (int)syscall(call, file);
    if (handle && result == 0)
        note(SYNCED, handle, 0, "", 0);
    end();
    return result;
}

static mode_t mode_after(int flags, va_list rest)
{
    return flags & O_CREAT ? (mode_t)va_arg(rest, unsigned int) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    mode_t mode;
    va_start(rest, flags);
    mode = mode_after(flags, rest);
    va_end(rest);
    return open_noted(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    mode_t mode;
    va_start(rest, flags);
    mode = mode_after(flags, rest);
    va_end(rest);
    return open_noted(path, flags, mode);
}

int close(int file)
{
    int result;
    begin();
    if (handle_of(file))
        handles[file] = 0;
    result = (int)syscall(SYS_close, file);
    end();
    return result;
}

ssize_t write(int file, const void *bytes, size_t length)
{
    return write_noted(file, bytes, length, -1);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t place)
{
    return write_noted(file, bytes, length, place);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off_t place)
{
    return write_noted(file, bytes, length, place);
}

int ftruncate(int file, off_t length)
{
    return cut_noted(file, length);
}

int ftruncate64(int file, off_t length)
{
    return cut_noted(file, length);
}

int fsync(int file)
{
    return sync_noted(file, SYS_fsync);
}

int fdatasync(int file)
{
    return sync_noted(file, SYS_fdatasync);
}

int unlink(const char *path)
{
    const char *name = begin() ? name_of(path) : NULL;
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (name && result == 0)
        note(UNLINKED, 0, 0, name, strlen(name));
    end();
    return result;
}

/* Called by the program itself: what it has acknowledged stands in the records after all that came before. */
void power_mark(const char *text, size_t length)
{
    if (begin())
        note(MARKED, 0, 0, text, length);
    end();
}
