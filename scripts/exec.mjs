#!/usr/bin/env node
/*
 * `exec` for Yarn 2 and newer, whose own shell has none (`bin` in package.json; npm, pnpm, Yarn 1 and Bun use the system's
 * shell). It runs the command, and passes SIGTERM on. Ctrl-C reaches the command from the terminal.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const [name = '', ...args] = process.argv.slice(2);
// Yarn does not build the package `node`, and would find its missing program.
const command = name === 'node' ? process.execPath : name;
const child = spawn(command, args, { stdio: 'inherit', shell: process.platform === 'win32' });
process.on('SIGTERM', () => child.kill('SIGTERM'));
process.on('SIGINT', () => undefined);
child.once('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
child.once('close', (code, signal) => {
  process.exit(code ?? 128 + constants.signals[signal]);
});
