/**
 * Milliseconds since some moment, on Linux without those that a process's main thread has waited for a processor.
 * @param pid this process by default
 */
export function ownTime(pid?: number): number;

/** Milliseconds of processor time that all threads of a process have had, of this one by default. */
export function processorTime(pid?: number): number;

/**
 * How much longer than the reference machine this one takes for the same work; at least 1. Measured once a process,
 * which holds its loop up for a third of a second: a test that watches the loop asks before.
 */
export function slowness(): number;

/** A limit in milliseconds of the reference machine, in those of this one. For times that `ownTime` measured. */
export function allowed(milliseconds: number): number;

/** Longest wait for one thing to happen, in milliseconds: a page, a process, an answer. Ends hangs, and judges nothing. */
export function patience(): number;

/** Longest test in milliseconds: mocha's own limit. */
export function testLimit(): number;
