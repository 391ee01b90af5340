/** Entry of a worker thread that solves one assignment and ends: HiGHS blocks its thread for seconds. */
import { parentPort, workerData } from 'node:worker_threads';
import { assign, type AssignmentProblem } from './assign';

void assign(workerData as AssignmentProblem).then((assignment) => parentPort!.postMessage(assignment));
