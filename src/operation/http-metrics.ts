import { Gauge, type Registry } from 'prom-client'
import { createBuckets, createTally, registerPlain, type Buckets } from './plain.ts'

/** Counts the answers of one route. */
export interface RouteMeter {
  readonly count: (method: string, status: number, elapsedMs: number) => void
}

export interface HttpMetrics {
  readonly route: (template: string) => RouteMeter
  /** An answer that is a problem, by its code. */
  readonly problem: (code: string) => void
  /** Of streams: one more, one less. */
  readonly stream: (change: 1 | -1) => void
  /** Where the open connections are counted. */
  readonly connections: (count: () => Promise<number>) => void
}

const secondsBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Others, which clients can make up, are counted together. */
const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const otherMethod = '_OTHER'

/** There from the beginning: of a counter that comes into being with the first of its kind, Prometheus does not see that it has risen. */
const alarming: readonly string[] = ['internal', 'store_unavailable', 'overloaded', 'rate_limited']

interface Route {
  readonly template: string
  readonly statuses: ReturnType<typeof createTally<string, number>>
  readonly seconds: Map<string, Buckets>
}

export function httpMetrics(registry: Registry): HttpMetrics {
  const registers = [registry]
  const routes = new Map<string, Route>()
  const problems = new Map(alarming.map((code) => [code, 0]))
  let streams = 0
  let countConnections = async (): Promise<number> => 0

  registerPlain(
    registry,
    { name: 'holdfast_http_requests_total', help: 'Requests answered, by method, route and status.', type: 'counter' },
    () =>
      [...routes.values()].flatMap(({ template: route, statuses }) =>
        statuses.each((method, status, value) => ({ labels: { method, route, status }, value })),
      ),
  )
  const durations = 'holdfast_http_request_duration_seconds'
  registerPlain(
    registry,
    { name: durations, help: 'Time from the headers of a request to its answer, by method and route.', type: 'histogram' },
    () =>
      [...routes.values()].flatMap(({ template: route, seconds }) =>
        [...seconds].flatMap(([method, buckets]) => buckets.samples(durations, { method, route })),
      ),
  )
  registerPlain(
    registry,
    { name: 'holdfast_http_problems_total', help: 'Answers that said no or failed, by the code of the problem.', type: 'counter' },
    () => Array.from(problems, ([code, value]) => ({ labels: { code }, value })),
  )
  const connections: Gauge = new Gauge({
    name: 'holdfast_http_open_connections',
    help: 'Connections that are open.',
    registers,
    collect: async () => connections.set(await countConnections()),
  })
  const open: Gauge = new Gauge({
    name: 'holdfast_http_open_streams',
    help: 'Streams of events that are open.',
    registers,
    collect: () => open.set(streams),
  })

  return {
    route: (template) => {
      let route = routes.get(template)
      if (route === undefined) routes.set(template, (route = { template, statuses: createTally(), seconds: new Map() }))
      const { statuses, seconds } = route
      return {
        count: (given, status, elapsedMs) => {
          const method = methods.has(given) ? given : otherMethod
          statuses.add(method, status)
          let buckets = seconds.get(method)
          if (buckets === undefined) seconds.set(method, (buckets = createBuckets(secondsBounds)))
          buckets.observe(elapsedMs / 1_000)
        },
      }
    },
    problem: (code) => void problems.set(code, (problems.get(code) ?? 0) + 1),
    stream: (change) => void (streams += change),
    connections: (count) => void (countConnections = count),
  }
}
