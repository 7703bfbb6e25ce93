module wskt

go 1.19
