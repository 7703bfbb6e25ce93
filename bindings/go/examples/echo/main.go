package main

import (
	"context"
	"fmt"
	"os"
	"wskt"
)

func main() {
	ctx := context.Background()
	ws, err := wskt.Dial(ctx, os.Args[1], nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	ws.SendText(ctx, "hello")
	_, message, _ := ws.Read(ctx)
	fmt.Printf("%s\n", message)
	ws.Close(1000, "thanks")
	end, _ := ws.Wait(ctx)
	fmt.Printf("closed: %d %q (%s)\n", end.Code, end.Reason, end.Cause)
}
