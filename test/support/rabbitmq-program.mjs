import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What Debian has in PATH is for its own service only: it insists on a user and on places for the log. */
const debian = '/usr/lib/rabbitmq/bin'

/** RabbitMQ; undefined where there is none. */
export function findRabbitMq() {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return [debian, ...folders].map((folder) => join(folder, 'rabbitmq-server')).find((path) => existsSync(path))
}

export const rabbitMqIsMissing =
  'There is no rabbitmq-server in PATH, and the tests of RabbitMQ need one, version 3.8 or newer. ' +
  'Install it, for example: apt-get install rabbitmq-server, or brew install rabbitmq'

/**
 * The environment of a private server that has nothing to do with that of the machine. An `epmd` must run in it beside the server: otherwise the server starts one that outlives it.
 *
 * @param {string} folder An empty one of its own, where `plugins` says `[].`
 * @param {{ port: number, distributionPort: number, namesPort: number }} ports Free ones.
 */
export function rabbitMqEnvironment(folder, { port, distributionPort, namesPort }) {
  return {
    PATH: process.env['PATH'],
    // Where its cookie is.
    HOME: folder,
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_CONFIG_FILE: join(folder, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_NODENAME: `holdfast${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distributionPort),
    ERL_EPMD_PORT: String(namesPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  }
}
