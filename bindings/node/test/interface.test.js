// lib/native.js against the header, as tests/bindings/interface.rs has it from
// the C compiler.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { test } = require('node:test');
const { WsktError, constants, functions, lib, structs } = require('../lib/native.js');

const header = JSON.parse(fs.readFileSync(process.env.WSKT_INTERFACE, 'utf8'));

test('structs lie as in the header', () => {
  for (const [name, type] of Object.entries(structs)) {
    // The header may have grown at the end.
    assert.ok(header.structs[name].size >= type.size, name);
    for (const [field, { type: kind, offset }] of Object.entries(type.members)) {
      assert.deepEqual([offset, kind.size], header.structs[name].fields[field], `${name}.${field}`);
    }
  }
});

test('constants are those of the header', () => {
  for (const [name, value] of Object.entries(constants)) {
    assert.equal(value, header.constants[name], name);
  }
});

test('functions are declared as in the header', () => {
  for (const [name, types] of Object.entries(functions)) {
    assert.deepEqual(types.map((t) => t.replace(/^_(In)?[Oo]ut_ /, '')), header.functions[name], name);
  }
});

test('every setter of the header is called by an option', () => {
  const source = fs.readFileSync(require.resolve('../lib/options.js'), 'utf8');
  for (const name of Object.keys(header.functions)) {
    const [, setter] = /^wskt_config_((?:set|add)_.*)/.exec(name) ?? [];
    if (!setter) continue;
    assert.ok(name in functions, name);
    assert.ok(source.includes(`('${setter}'`), setter);
  }
  const types = fs.readFileSync(require.resolve('../index.d.ts'), 'utf8');
  const names = [...source.matchAll(/^ {2}(\w+): (?:one|each|\(call)/gm)].map(([, name]) => name);
  assert.ok(names.length > 50);
  for (const name of names) assert.match(types, new RegExp(`^ {2}${name}\\?: `, 'm'));
});

test('results keep their text and name', () => {
  for (const [name, value] of Object.entries(header.constants)) {
    if (!name.startsWith('WSKT_ERR_')) continue;
    const error = new WsktError(value);
    assert.deepEqual([error.code, error.message], [name, lib.wskt_result_text(value)]);
    assert.ok(error instanceof Error);
  }
});
