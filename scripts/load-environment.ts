import { existsSync } from 'node:fs';

/** The settings of the app's own files, as Next reads them: the environment wins, then `.env.local`, then `.env`. */
export function loadEnvironment(): void {
  for (const file of ['.env.local', '.env']) {
    if (existsSync(file)) process.loadEnvFile(file);
  }
}
