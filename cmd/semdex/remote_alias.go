package main

import (
	"context"
	"net/http"
	"net/url"

	"semdex/index"
)

// SetAlias makes or moves an alias.
func (r *remote) SetAlias(ctx context.Context, alias, collection string) error {
	var answer index.Alias
	return r.call(ctx, http.MethodPut, "/aliases/"+url.PathEscape(alias), map[string]string{"collection": collection}, &answer)
}

// DeleteAlias forgets an alias.
func (r *remote) DeleteAlias(ctx context.Context, alias string) error {
	var answer struct{}
	return r.call(ctx, http.MethodDelete, "/aliases/"+url.PathEscape(alias), nil, &answer)
}

// Aliases lists the aliases.
func (r *remote) Aliases(ctx context.Context) ([]index.Alias, error) {
	var answer struct {
		Aliases []index.Alias `json:"aliases"`
	}
	err := r.call(ctx, http.MethodGet, "/aliases", nil, &answer)
	return answer.Aliases, err
}
