/*
 * Ends the process if its Node lacks what the app needs: `node:sqlite`, and TypeScript without a build step. It is the first
 * import of everything that starts, in plain JavaScript that an old Node can read.
 */
const { node } = process.versions;
const [major = 0, minor = 0] = node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `steadfeed: This is Node ${node}, but the app needs Node 22.18 or newer. npm install brings one: use npm start or npm run, or start node_modules/.bin/node.`,
  );
  process.exit(1);
}
