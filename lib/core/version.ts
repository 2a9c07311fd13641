/** This server's version, told in `hello` and by the health route; a test holds it equal to `package.json`. */
export const version = '0.1.0';
