import sys
import wskt

with wskt.connect(sys.argv[1], timeout=10) as ws:
    ws.send("hello")
    for message in ws:
        print(message)
        ws.close(1000, "thanks")
end = ws.close_event
print(f'closed: {end.code} "{end.reason}" ({end.cause})')
