-- Which of the commands in ARGV the user may not run. KEYS[1]: the header of the namespace. KEYS[2]: a name that begins as those of its other keys do. Runs none of them.
local missing = {}
for _, command in ipairs(ARGV) do
  if not (redis.acl_check_cmd(command, KEYS[1], KEYS[1]) and redis.acl_check_cmd(command, KEYS[2], KEYS[2])) then
    missing[#missing + 1] = command
  end
end
return missing
