# Python 2.7. Starts autobahntestsuite's wstest with its listening sockets on
# 127.0.0.1 (wstest itself listens on all addresses) and says so on a line of
# its own once a port is bound.
import warnings
warnings.simplefilter('ignore')
from autobahntestsuite.wstest import run   # first: it installs the reactor
from twisted.internet import reactor
tcp = reactor.listenTCP


def listen(port, factory, backlog=50, interface=''):
    bound = tcp(port, factory, 1024, '127.0.0.1')
    print 'listening on %d' % bound.getHost().port
    return bound


reactor.listenTCP = listen
run()
