package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto3 (ONNX 1.12, IR version 8, operator set 17), by
// message.
const (
	modelIRVersion   = 1
	modelProducer    = 2
	modelGraph       = 7
	modelOpsetImport = 8
	modelMetadata    = 14

	opsetVersion = 2

	metadataKey   = 1
	metadataValue = 2

	graphNode        = 1
	graphName        = 2
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12

	nodeInput     = 1
	nodeOutput    = 2
	nodeName      = 3
	nodeOpType    = 4
	nodeAttribute = 5

	attributeName  = 1
	attributeFloat = 2
	attributeInt   = 3
	attributeInts  = 8
	attributeType  = 20

	tensorDims     = 1
	tensorDataType = 2
	tensorName     = 8
	tensorRawData  = 9

	valueName = 1
	valueType = 2

	typeTensor     = 1
	typeTensorElem = 1
	typeTensorDims = 2

	shapeDim = 1
	dimValue = 1
	dimParam = 2
)

// Values of AttributeProto.AttributeType and TensorProto.DataType.
const (
	attributeTypeFloat = 1
	attributeTypeInt   = 2
	attributeTypeInts  = 7

	dataFloat = 1
	dataInt8  = 3
	dataInt64 = 7
)

const (
	irVersion = 8
	opset     = 17
)

func appendString(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendMessage(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

func appendInt(b []byte, field protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

// attr is an encoded AttributeProto.
type attr []byte

func floatAttr(name string, v float32) attr {
	b := appendString(nil, attributeName, name)
	b = protowire.AppendFixed32(protowire.AppendTag(b, attributeFloat, protowire.Fixed32Type), math.Float32bits(v))
	return appendInt(b, attributeType, attributeTypeFloat)
}

func intAttr(name string, v int64) attr {
	b := appendString(nil, attributeName, name)
	b = appendInt(b, attributeInt, v)
	return appendInt(b, attributeType, attributeTypeInt)
}

func intsAttr(name string, values ...int64) attr {
	b := appendString(nil, attributeName, name)
	for _, v := range values {
		b = appendInt(b, attributeInts, v)
	}
	return appendInt(b, attributeType, attributeTypeInts)
}

// node is an encoded NodeProto.
func node(op, name string, inputs, outputs []string, attrs []attr) []byte {
	var b []byte
	for _, in := range inputs {
		b = appendString(b, nodeInput, in)
	}
	for _, out := range outputs {
		b = appendString(b, nodeOutput, out)
	}
	b = appendString(b, nodeName, name)
	b = appendString(b, nodeOpType, op)
	for _, a := range attrs {
		b = appendMessage(b, nodeAttribute, a)
	}
	return b
}

// value is an encoded ValueInfoProto of a tensor. A dimension is an int or the
// name of one that varies.
func value(name string, elem int64, dims ...any) []byte {
	var shape []byte
	for _, d := range dims {
		var dim []byte
		switch d := d.(type) {
		case int:
			dim = appendInt(nil, dimValue, int64(d))
		case string:
			dim = appendString(nil, dimParam, d)
		}
		shape = appendMessage(shape, shapeDim, dim)
	}
	tensor := appendInt(nil, typeTensorElem, elem)
	tensor = appendMessage(tensor, typeTensorDims, shape)
	b := appendString(nil, valueName, name)
	return appendMessage(b, valueType, appendMessage(nil, typeTensor, tensor))
}

// tensorHead is a TensorProto up to and with the length of its raw data, which
// follows.
func tensorHead(name string, elem int64, dims []int, size int64) []byte {
	var b []byte
	for _, d := range dims {
		b = appendInt(b, tensorDims, int64(d))
	}
	b = appendInt(b, tensorDataType, elem)
	b = appendString(b, tensorName, name)
	b = protowire.AppendTag(b, tensorRawData, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(size))
}

// metadata is an encoded StringStringEntryProto.
func metadata(key, val string) []byte {
	return appendString(appendString(nil, metadataKey, key), metadataValue, val)
}
