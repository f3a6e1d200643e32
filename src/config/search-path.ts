/** Where programs are looked for, as the environment of this process says. */
export const searchPath = (environment: Readonly<Record<string, string | undefined>> = process.env): string =>
  environment.PATH ?? '/usr/local/bin:/usr/bin:/bin'
