/** The channel with the latest values of the machine that runs `npm run demo`: one subject for each core, and one for its job. */
export const stateChannel = 'public:machine-state';

/** The subject whose latest event names the channel of the job that runs, or ran last. */
export const jobSubject = 'job';
