'use strict';

const {
  AttemptEvent, CloseEvent, ErrorEvent, MessageChunkEvent, PingEvent, UnsentEvent,
} = require('./lib/events.js');
const { WsktError, libraryVersion } = require('./lib/native.js');
const { Reconnector } = require('./lib/reconnector.js');
const { WebSocket } = require('./lib/websocket.js');

module.exports = {
  AttemptEvent, CloseEvent, ErrorEvent, MessageChunkEvent, PingEvent, Reconnector, UnsentEvent,
  WebSocket, WsktError, libraryVersion,
};
