/**
 * @file forked.h
 * Threads in the child of a fork. A child has only the thread that forked, and GNU's OpenMP would
 * wait for ever for those that its parent had: there, what would use several threads uses one. The
 * bits are the same.
 */
#ifndef CONVOY_PLAN_FORKED_H
#define CONVOY_PLAN_FORKED_H

/** Before a part that may start `threads` threads. @return for forked_leave; negative: this is no
 *  child */
int forked_enter(int threads);
void forked_leave(int entered);

#endif
