import type { AppErrorCode } from '../../flows/app-error.ts'
import { type ExitCode, exitCode } from './exit-code.ts'

/** What a refusal of the world ends a command with, and what to do about it. The one table of the command line. */
export const appErrorWords: Readonly<Record<AppErrorCode, { readonly exit: ExitCode; readonly remedy: string }>> = {
  'forge-unavailable': { exit: exitCode.unknown, remedy: 'Try again; check that the forge can be reached from here.' },
  'forge-rate-limited': { exit: exitCode.unknown, remedy: 'Try again when the forge allows more requests.' },
  'forge-not-found': {
    exit: exitCode.unknown,
    remedy: 'Check the name, and that the App is installed on that repository.',
  },
  'forge-forbidden': {
    exit: exitCode.unknown,
    remedy: "Check the App's id, private key and permissions, or the given token; `governance doctor` says more.",
  },
  'forge-suspended': { exit: exitCode.unknown, remedy: "Lift the suspension of the App's installation at the forge." },
  'forge-incomplete': { exit: exitCode.unknown, remedy: 'The change is larger than the forge can list; split it.' },
  'forge-ambiguous': { exit: exitCode.unknown, remedy: 'Look at the forge before trying again: it may have happened.' },
  'forge-rejected': { exit: exitCode.unknown, remedy: 'The forge refused the request as it is.' },
  'store-unavailable': { exit: exitCode.unknown, remedy: 'Check the data directory: path, owner, modes, free space.' },
  'store-corrupt': { exit: exitCode.unknown, remedy: 'Stop the server and restore the newest backup.' },
  'store-locked': {
    exit: exitCode.unknown,
    remedy: 'The server is running on this data directory; stop it first (`systemctl stop governance`).',
  },
  'store-key-wrong': {
    exit: exitCode.unknown,
    remedy: 'The keystore and the database do not belong together; restore both from one backup.',
  },
  'schema-unknown': { exit: exitCode.unknown, remedy: 'Run `governance db check`, then `governance db migrate`.' },
  'custody-refused': {
    exit: exitCode.unknown,
    remedy: 'Check GOVERNANCE_UNLOCK_KEY_FILE or the passphrase, and that the files are yours and of mode 0600.',
  },
  'custody-not-found': {
    exit: exitCode.unknown,
    remedy: 'The keystore lacks this entry; `governance doctor` says more.',
  },
  'clock-untrusted': { exit: exitCode.unknown, remedy: 'Set the clock of this machine (NTP) and try again.' },
  'config-invalid': {
    exit: exitCode.unknown,
    remedy: 'Correct the configuration; `governance doctor` checks all of it.',
  },
  'policy-unusable': { exit: exitCode.notGood, remedy: 'Run `governance policy lint` and correct what it names.' },
  'not-found': { exit: exitCode.unknown, remedy: 'Check the name.' },
  'log-files-unavailable': {
    exit: exitCode.unknown,
    remedy: 'Check the place of the log files: path or address, owner, modes, free space.',
  },
  'log-file-differs': {
    exit: exitCode.notGood,
    remedy: 'Another log, or another history of this one, lies there; compare both before anything is signed.',
  },
  'log-ahead': {
    exit: exitCode.notGood,
    remedy: 'The database is older than what was published: restore the newest one; signing now would fork the log.',
  },
  'calendar-unavailable': {
    exit: exitCode.unknown,
    remedy: "Try again; check the calendar's address and that it can be reached from here.",
  },
  'witness-unreachable': {
    exit: exitCode.unknown,
    remedy:
      'Check that the witnesses run, can be reached and know this log; `governance log status` names the silent ones.',
  },
  'blob-erased': {
    exit: exitCode.unknown,
    remedy: 'The value was erased for good; the entry `blob-erased` of the log says when and why.',
  },
  'not-supported': { exit: exitCode.unknown, remedy: 'This version does not do that.' },
}
