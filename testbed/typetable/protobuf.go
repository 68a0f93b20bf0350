package main

import (
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// printProtobuf prints the field numbers of the wire format, one type a line: [model, {JSON name: number, …}]. An
// embedded struct has no JSON name: it goes by its Go name after an "@".
func printProtobuf() {
	lines := []string{}
	for typ := range collect().types {
		numbers := map[string]int{}
		for i := range typ.NumField() {
			field := typ.Field(i)
			tag := strings.Split(field.Tag.Get("protobuf"), ",")
			if len(tag) < 2 {
				continue
			}
			number, err := strconv.Atoi(tag[1])
			if err != nil {
				continue
			}
			name := strings.Split(field.Tag.Get("json"), ",")[0]
			if name == "" && field.Anonymous {
				embedded := field.Type
				if embedded.Kind() == reflect.Pointer {
					embedded = embedded.Elem()
				}
				name = "@" + embedded.Name()
			}
			numbers[name] = number
		}
		if len(numbers) > 0 {
			lines = append(lines, marshal([]any{short(model(typ)), numbers}))
		}
	}
	sort.Strings(lines)
	printLines(lines)
}
