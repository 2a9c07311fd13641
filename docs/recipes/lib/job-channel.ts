/** The channel of a job: everyone who knows its id may follow it, so make the id random. @returns null: nobody may. */
export function jobChannel(id: string, _headers: Headers): string | null {
  return `public:job.${id}`;
}
