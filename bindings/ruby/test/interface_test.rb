# frozen_string_literal: true

# lib/wskt/native.rb against the header, as tests/bindings/interface.rs has it
# from the C compiler.

require "json"
require "minitest/autorun"
require "wskt"

class InterfaceTest < Minitest::Test
  HEADER = JSON.parse(File.read(ENV.fetch("WSKT_INTERFACE")))
  STRUCTS = {
    "wskt_event" => Wskt::Native::Event, "wskt_message_event" => Wskt::Native::MessageEvent,
    "wskt_error_event" => Wskt::Native::ErrorEvent, "wskt_close_event" => Wskt::Native::CloseEvent,
    "wskt_ping_event" => Wskt::Native::PingEvent, "wskt_pong_event" => Wskt::Native::PingEvent,
    "wskt_message_chunk_event" => Wskt::Native::MessageChunkEvent,
    "wskt_attempt_event" => Wskt::Native::AttemptEvent,
    "wskt_unsent_event" => Wskt::Native::MessageEvent, "wskt_stats" => Wskt::Native::Stats
  }.freeze
  SCALARS = { "wskt_result" => :int32, "wskt_ready_state" => :int32,
              "wskt_destroy_fn" => :pointer }.freeze

  def test_structs
    STRUCTS.each do |name, struct|
      # The header may have grown at the end.
      assert_operator HEADER["structs"][name]["size"], :>=, struct.size
      struct.new(FFI::Pointer::NULL).layout.fields.each do |field|
        assert_equal HEADER["structs"][name]["fields"][field.name.to_s],
                     [field.offset, field.size], "#{name}.#{field.name}"
      end
    end
  end

  def test_constants
    Wskt::Native::CONSTANTS.each do |name, value|
      assert_equal HEADER["constants"]["WSKT_#{name}"], value, name
    end
  end

  def test_functions
    Wskt::Native::FUNCTIONS.each do |name, ours|
      header = HEADER["functions"][name.to_s]
      assert_equal header.size, ours.size, name
      header.zip(ours) do |theirs, our|
        if theirs.include?("*")
          assert_includes %i[pointer string], our, name
        else
          assert_equal SCALARS.fetch(theirs) { theirs.delete_suffix("_t").to_sym },
                       our.to_s.delete_suffix("_t").to_sym, name
        end
      end
    end
  end

  def test_every_setter_has_an_option
    plural = { "header" => "headers", "pinned_public_key" => "pinned_public_keys" }
    options = Wskt.module_eval { const_get(:Config) }::OPTIONS
    HEADER["functions"].each_key do |name|
      option = name[/\Awskt_config_(?:set|add)_(.+)/, 1] or next
      assert_includes Wskt::Native::FUNCTIONS, name.to_sym
      assert_includes options, plural.fetch(option, option).to_sym
    end
  end

  def test_results_keep_their_text_and_name
    HEADER["constants"].each do |name, value|
      next unless name.start_with?("WSKT_ERR_")

      error = Wskt.error(value)
      assert_equal [name, Wskt::Native.wskt_result_text(value)], [error.name, error.message]
      assert_kind_of Wskt::Error, error
      assert_kind_of StandardError, error
    end
  end
end
