/**
 * The channel of the demo's hosts: one subject for each machine that reports, `<machine>:<process>` for each process of the demo, and
 * one for its job.
 */
export const hostsChannel = 'public:demo-hosts';

/** The subject whose latest event names the channel of the job that runs, or ran last. No machine has a colon in its name. */
export const jobSubject = 'demo:job';
