'use strict';

const { CloseEvent, ErrorEvent } = require('./lib/events.js');
const { WsktError, libraryVersion } = require('./lib/native.js');
const { WebSocket } = require('./lib/websocket.js');

module.exports = { CloseEvent, ErrorEvent, WebSocket, WsktError, libraryVersion };
