package api

import (
	"bytes"
	_ "embed"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/labstack/echo/v4"
)

// Version says what is running.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
}

//go:embed openapi.yaml
var openAPI []byte

func (s *Server) getRoot(c echo.Context) error {
	return s.sendJSON(c, http.StatusOK, map[string]any{
		"name":    "semdex",
		"version": s.options.Version.Version,
		"search":  "/search?collection=NAME&q=TEXT",
		"routes":  "/openapi.yaml",
	})
}

// getHealth says that the process serves requests.
func (s *Server) getHealth(c echo.Context) error {
	return s.sendJSON(c, http.StatusOK, map[string]string{"status": "ok"})
}

// getReady says whether new requests should come here.
func (s *Server) getReady(c echo.Context) error {
	status, word := http.StatusServiceUnavailable, "starting"
	switch s.state.Load() {
	case ready:
		status, word = http.StatusOK, "ready"
	case draining:
		word = "draining"
	}
	return s.sendJSON(c, status, map[string]string{"status": word})
}

func (s *Server) getVersion(c echo.Context) error {
	v := s.options.Version
	if v.Commit == "" {
		v.Commit = commit()
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Version
		Go    string `json:"go"`
		Model Model  `json:"model"`
	}{v, runtime.Version(), s.model})
}

// commit is the revision that the binary was built from, as far as known.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}

func (s *Server) getOpenAPI(c echo.Context) error {
	return s.send(c, http.StatusOK, "application/yaml; charset=utf-8", openAPI)
}

func (s *Server) getMetrics(c echo.Context) error {
	var body bytes.Buffer
	if _, err := s.metrics.registry.WriteTo(&body); err != nil {
		return err
	}
	return s.send(c, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", body.Bytes())
}
