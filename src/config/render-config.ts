/** What `governance init` knows; the rest of the file are comments. */
export interface ConfigValues {
  readonly listen: string
  readonly publicUrl: string
  readonly origin: string
  readonly apiUrl: string
  readonly appId: number
  readonly privateKey: string
  readonly webhookSecret: string
  readonly repository: string
  readonly branch: string
  /** 64 lower-case hex digits. */
  readonly genesis: string
  readonly directory: string
}

/**
 * Writes a commented `governance.toml` that `loadConfig` reads back to the same values. Trust: values may hold anything;
 * each is quoted, so none can add a line.
 */
export function renderConfig(values: ConfigValues): string {
  const { listen, publicUrl, origin, apiUrl, appId, privateKey, webhookSecret } = values
  const { repository, branch, genesis, directory } = values
  return `# governance.toml: what the operator decides. Secrets never stand here; they lie in the keystore under the names below.
# Every unknown name is refused. Lines that start with "# name =" show what holds when the name is left out.

[http]
# Address the server listens on. Keep it on the loopback and put a TLS proxy in front.
listen = ${quote(listen)}
# Where the forge and maintainers reach it.
public_url = ${quote(publicUrl)}
# Proxies whose X-Forwarded-For is believed. Nobody's is while this is empty.
# trusted_proxies = []
# Largest webhook that is read. The forge sends at most 25 MiB.
# max_body_bytes = 26214400
# Challenges per client and minute, and of all clients together.
# challenge_per_client_and_minute = 30
# challenge_per_minute = 600

[log]
# Name of the decision log: fixed at init, never changes with the host name.
origin = ${quote(origin)}
# A copy that does not end with this machine: without one a rollback of this machine is not seen. Green waits for it.
# After adding it, once: governance log off-host prepare. One of:
#   off_host = { directory = "/mnt/other" }
#   off_host = { sftp = { host = "log.example.net", user = "governance", directory = "/srv/governance-log",
#     host_key = "SHA256:…", private_key = { keystore = "off-host" } } }   (all in one line)
# Whose cosignatures the heads of the log need (C2SP tlog-policy), and whether green waits for them. A witness of this
# deployment never counts to its own quorum.
#   [log.witness]
#   policy_file = "/etc/governance/witness.policy"
#   required_for_green = true
#   urls = { w1 = "https://witness.example.org" }
#   deadline_seconds = 5
# The witness inside this server, for logs of others; \`governance witness key\` makes its key.
#   [log.witness.serve]
#   name = "gov.example.org/witness"
#   listen = "127.0.0.1:8091"
#   logs = ["other.example.org/decisions+…"]
# Anybody may read the files of the log, until a private repository is governed; then holders of the token may, and nobody
# while there is none. To ask for a token in any case write: access = "token", token = { keystore = "log-token" };
# \`governance log token\` makes it.

[github]
# GitHub Enterprise Server: "https://HOST/api/v3".
api_url = ${quote(apiUrl)}
app_id = ${quoteNumber(appId)}
private_key = { keystore = ${quote(privateKey)} }
# While it is rotated: [{ keystore = "current" }, { keystore = "next" }].
webhook_secret = { keystore = ${quote(webhookSecret)} }

[policy]
# The repository that holds the governance configuration, and the branch that counts.
repository = ${quote(repository)}
branch = ${quote(branch)}
# Digest of the policy that was confirmed at init. Another policy takes effect through a verdict only.
genesis = ${quote(`sha256:${genesis}`)}

[data]
directory = ${quote(directory)}
# Raw webhooks are deleted so many days after their work ended; their digests stay.
# payload_days = 30

[telemetry]
# "debug", "info", "warn" or "error".
# level = "info"
`
}

/** A TOML basic string; its escapes are JSON's, and DEL besides. */
export function quote(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f')
}

function quoteNumber(value: number): string {
  return Number.isSafeInteger(value) ? value.toString(10) : '0'
}
