/* What the machine itself needs, beside which the figures of conc are to be read: a process forked, ended and waited for;
 * a thread started and joined; a robust lock between processes taken and released. Built and run by hand:
 *
 *     cc -O2 -pthread benches/limits/processes.c -o target/limits && target/limits
 *
 * An argument gives the private memory that the forking process has touched, in KiB: an interpreter has some. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void *nothing(void *argument) {
    return argument;
}

/* The best of five rounds, each the mean of many turns. */
static double best(void (*turn)(void), int turns) {
    double least = 1e30;
    for (int round = 0; round < 5; round++) {
        double start = microseconds();
        for (int index = 0; index < turns; index++)
            turn();
        double mean = (microseconds() - start) / turns;
        if (mean < least)
            least = mean;
    }
    return least;
}

static void fork_and_wait(void) {
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    int status;
    waitpid(child, &status, 0);
}

static void start_and_join(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) == 0)
        pthread_join(thread, NULL);
}

static pthread_mutex_t *shared;

static void lock_and_unlock(void) {
    pthread_mutex_lock(shared);
    pthread_mutex_unlock(shared);
}

int main(int count, char **arguments) {
    size_t touched = count > 1 ? strtoul(arguments[1], NULL, 10) * 1024 : 0;
    int protection = PROT_READ | PROT_WRITE;
    if (touched > 0)
        memset(mmap(NULL, touched, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, touched);
    shared = mmap(NULL, 4096, protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(shared, &kind);
    printf("fork_wait us %.1f\n", best(fork_and_wait, 300));
    printf("thread_start_join us %.1f\n", best(start_and_join, 1000));
    printf("robust_lock ns %.1f\n", best(lock_and_unlock, 1000000) * 1e3);
    return 0;
}
