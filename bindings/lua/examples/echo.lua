local wskt = require "wskt"

local ws = assert(wskt.connect(arg[1], { timeout = 10 }))
ws:send("hello")
for message in ws:messages() do
  print(message)
  ws:close(1000, "thanks")
end
local last = ws:close_event()
print(('closed: %d "%s" (%s)'):format(last.code, last.reason, last.cause))
