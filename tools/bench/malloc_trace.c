/* Counts large allocations of a process, by call stack, between malloc_trace_start and malloc_trace_stop.

   Loaded with LD_PRELOAD by tools/bench/allocations; stands in front of malloc, calloc, realloc, the aligned
   variants and anonymous mmap. Only allocations of at least LARGE bytes are looked at, so the rest runs at full speed.
   A thread that Python knows also tells the lines of Python that it is in: see find_place. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { LARGE = 64 * 1024, DEPTH = 24, STACKS = 4096, LINES = 6, PLACE_BYTES = 1024 };

struct stack {
    void *frames[DEPTH];
    int depth;
    unsigned long count;
    size_t largest_bytes;
    char place[PLACE_BYTES];
};

static struct stack stacks[STACKS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int is_on;
static atomic_ulong lost;
static __thread int is_inside;

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void *(*next_aligned_alloc)(size_t, size_t);
static int (*next_posix_memalign)(void **, size_t, size_t);
static void *(*next_memalign)(size_t, size_t);
static void *(*next_mmap)(void *, size_t, int, int, int, off_t);

/* Functions of Python's stable ABI, so that one build serves every version; objects are opaque here. */
static void *(*thread_state)(void);
static int (*take_lock)(void);
static void (*give_lock)(int);
static void *(*thread_frame)(void *);
static void *(*frame_back)(void *);
static void *(*frame_code)(void *);
static int (*frame_line)(void *);
static void *(*get_attribute)(void *, const char *);
static const char *(*as_text)(void *, ptrdiff_t *);
static void (*release)(void *);

/* dlsym itself calls calloc before next_calloc is known: serve it from here, once, and never free it. */
static char early[4096];
static size_t early_used;

static void find_next(void) {
    next_calloc = dlsym(RTLD_NEXT, "calloc");
    next_malloc = dlsym(RTLD_NEXT, "malloc");
    next_realloc = dlsym(RTLD_NEXT, "realloc");
    next_aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
    next_posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
    next_memalign = dlsym(RTLD_NEXT, "memalign");
    next_mmap = dlsym(RTLD_NEXT, "mmap");
}

static void find_python(void) {
    thread_state = dlsym(RTLD_DEFAULT, "PyGILState_GetThisThreadState");
    take_lock = dlsym(RTLD_DEFAULT, "PyGILState_Ensure");
    give_lock = dlsym(RTLD_DEFAULT, "PyGILState_Release");
    thread_frame = dlsym(RTLD_DEFAULT, "PyThreadState_GetFrame");
    frame_back = dlsym(RTLD_DEFAULT, "PyFrame_GetBack");
    frame_code = dlsym(RTLD_DEFAULT, "PyFrame_GetCode");
    frame_line = dlsym(RTLD_DEFAULT, "PyFrame_GetLineNumber");
    get_attribute = dlsym(RTLD_DEFAULT, "PyObject_GetAttrString");
    as_text = dlsym(RTLD_DEFAULT, "PyUnicode_AsUTF8AndSize");
    release = dlsym(RTLD_DEFAULT, "Py_DecRef");
}

/* Writes "file:line" of the innermost lines of Python, innermost first, separated by bars; nothing for other threads. */
static void find_place(char *place) {
    if (!thread_state || !thread_state())
        return;
    int state = take_lock();
    void *frame = thread_frame(thread_state());
    size_t used = 0;
    for (int i = 0; frame && i < LINES && used < PLACE_BYTES; i++) {
        void *code = frame_code(frame), *name = get_attribute(code, "co_filename"), *outer = frame_back(frame);
        used += snprintf(place + used, PLACE_BYTES - used, "%s%s:%d", i ? "|" : "", as_text(name, NULL), frame_line(frame));
        release(name);
        release(code);
        release(frame);
        frame = outer;
    }
    if (frame)
        release(frame);
    give_lock(state);
}

__attribute__((constructor)) static void start(void) {
    void *frames[2];
    find_next();
    backtrace(frames, 2); /* loads libgcc now, not inside a traced allocation */
}

static void record(size_t size_bytes) {
    if (size_bytes < LARGE || !atomic_load_explicit(&is_on, memory_order_relaxed) || is_inside)
        return;
    is_inside = 1;
    struct stack seen = {.count = 1, .largest_bytes = size_bytes};
    seen.depth = backtrace(seen.frames, DEPTH);
    unsigned long key = 1469598103934665603ul;
    for (int i = 0; i < seen.depth; i++)
        key = (key ^ (unsigned long)seen.frames[i]) * 1099511628211ul;
    find_place(seen.place);
    for (char *c = seen.place; *c; c++)
        key = (key ^ (unsigned long)*c) * 1099511628211ul;
    pthread_mutex_lock(&lock);
    int tries = 0;
    for (unsigned long i = key % STACKS; tries < STACKS; i = (i + 1) % STACKS, tries++) {
        struct stack *s = &stacks[i];
        if (s->count == 0) {
            *s = seen;
            break;
        }
        if (s->depth == seen.depth && memcmp(s->frames, seen.frames, sizeof(void *) * seen.depth) == 0 &&
            strcmp(s->place, seen.place) == 0) {
            s->count++;
            if (size_bytes > s->largest_bytes)
                s->largest_bytes = size_bytes;
            break;
        }
    }
    if (tries == STACKS)
        atomic_fetch_add(&lost, 1);
    pthread_mutex_unlock(&lock);
    is_inside = 0;
}

void *malloc(size_t size) {
    if (!next_malloc)
        find_next();
    record(size);
    return next_malloc(size);
}

void *calloc(size_t count, size_t size) {
    if (!next_calloc) {
        void *memory = early + early_used;
        early_used += (count * size + 15) / 16 * 16;
        return early_used <= sizeof early ? memory : NULL;
    }
    record(count * size);
    return next_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    if (!next_realloc)
        find_next();
    record(size);
    return next_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    record(size);
    return next_aligned_alloc(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    record(size);
    return next_posix_memalign(memory, alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    record(size);
    return next_memalign(alignment, size);
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    if (!next_mmap)
        find_next();
    if (flags & MAP_ANONYMOUS)
        record(length);
    return next_mmap(address, length, protection, flags, file, offset);
}

void malloc_trace_start(void) {
    find_python();
    atomic_store(&is_on, 1);
}

/* Stops, and writes one line a stack, fields separated by tabs: count, largest size, place in Python, then the
   module:symbol of every native frame, innermost first. */
int malloc_trace_stop(const char *path) {
    atomic_store(&is_on, 0);
    FILE *file = fopen(path, "w");
    if (!file)
        return errno;
    fprintf(file, "lost\t%lu\n", atomic_load(&lost));
    for (int i = 0; i < STACKS; i++) {
        if (!stacks[i].count)
            continue;
        fprintf(file, "%lu\t%zu\t%s", stacks[i].count, stacks[i].largest_bytes, stacks[i].place);
        for (int j = 2; j < stacks[i].depth; j++) { /* without record and the wrapper */
            Dl_info info = {0};
            dladdr(stacks[i].frames[j], &info);
            const char *slash = info.dli_fname ? strrchr(info.dli_fname, '/') : NULL;
            fprintf(file, "\t%s:%s", slash ? slash + 1 : "?", info.dli_sname ? info.dli_sname : "?");
        }
        fputc('\n', file);
    }
    return fclose(file);
}
