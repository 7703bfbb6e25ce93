package wskt

// #include <wskt.h>
import "C"

// What the tests ask the library: cgo is not to be had in their own files.

func resultText(result int) string { return C.GoString(C.wskt_result_text(C.int32_t(result))) }

func errorOf(result int) *Error { return resultError(C.int32_t(result), "") }

func handles() int { return int(C.wskt_handle_count()) }
