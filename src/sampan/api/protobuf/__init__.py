"""Objects as Kubernetes' protobuf: `envelope` for whole bodies and watch frames, `reader` and `writer` for messages."""
