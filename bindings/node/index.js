'use strict';

const { CloseEvent, ErrorEvent, PingEvent } = require('./lib/events.js');
const { WsktError, libraryVersion } = require('./lib/native.js');
const { WebSocket } = require('./lib/websocket.js');

module.exports = { CloseEvent, ErrorEvent, PingEvent, WebSocket, WsktError, libraryVersion };
