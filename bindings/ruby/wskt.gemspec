Gem::Specification.new do |spec|
  spec.name = "wskt"
  spec.version = "0.1.0"
  spec.summary = "The browser's WebSocket for Ruby, on libwskt"
  spec.authors = ["The wskt authors"]
  spec.licenses = ["MIT", "Apache-2.0"]
  spec.files = Dir["lib/**/*.rb"] + ["README.md"]
  spec.required_ruby_version = ">= 3.0"
  spec.add_dependency "ffi", "~> 1.15"
end
