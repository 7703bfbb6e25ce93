require "wskt"

ws = Wskt.connect(ARGV[0], timeout: 10)
ws.send_text("hello")
ws.each do |message|
  puts message
  ws.close(1000, "thanks")
end
last = ws.close_event
puts "closed: #{last.code} \"#{last.reason}\" (#{last.cause})"
