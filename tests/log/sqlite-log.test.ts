import { describeEventLog } from './contract.ts';
import { openSqliteHarness } from './sqlite-harness.ts';

describeEventLog('SQLite file', () => openSqliteHarness('file'));
describeEventLog('SQLite in memory', () => openSqliteHarness(':memory:'));
