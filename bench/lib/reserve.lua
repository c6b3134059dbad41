-- wrk script: POST /v1/reservations for one sku, by many users.
-- Arguments after --: sku, how many different requests.
-- Prints one line of JSON: requests, seconds, status (answers that are not 2xx or 3xx), broken (connections and timeouts), p50 and p99 in milliseconds.
-- The requests are made before the clock starts, so that the generator leaves the machine to the server.

local requests = {}
local at = 0

function init(arguments)
  local headers = { ["content-type"] = "application/json" }
  -- Those of the command line.
  for name, value in pairs(wrk.headers) do
    headers[name] = value
  end
  for index = 1, tonumber(arguments[2]) do
    local body = string.format('{"userId":"user-%d","items":[{"sku":"%s","quantity":1}]}', index, arguments[1])
    requests[index] = wrk.format("POST", "/v1/reservations", headers, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"status":%d,"broken":%d,"p50":%.3f,"p99":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
