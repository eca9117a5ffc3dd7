package qa

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// ConfigName is the file of a reader's settings in its model folder. Folders
// from elsewhere have none and get the defaults.
const ConfigName = "semdex_reader.json"

// ErrConfig marks settings that no reader can work with.
var ErrConfig = errors.New("invalid reader settings")

// Config says how a reader cuts passages into inputs and turns scores into
// answers.
type Config struct {
	Version int `json:"version"` // 1
	// Window is the length of an input in tokens, [CLS] and both [SEP]
	// included. Stride is the number of tokens that neighbouring windows of a
	// passage share, at most half of what a window holds of it; answers of up
	// to Stride tokens stand whole in some window.
	Window int `json:"window"`
	Stride int `json:"stride"`
	// Question is the number of tokens to which a question is cut.
	Question int `json:"question"`
	// MaxAnswer is the longest answer in tokens.
	MaxAnswer int `json:"max_answer"`
	// Scoring is what spans are weighed against.
	Scoring Scoring `json:"scoring"`
	// Threshold is the log-odds of an answer above which the reader gives it;
	// tuned on a development set.
	Threshold float64 `json:"threshold"`
	// Words widens answers to whole words. Particles lets them end within a
	// Korean word and takes particles off their ends: people answer 서울, not
	// 서울에서, and so do the gold answers of KorQuAD.
	Words     bool `json:"words"`
	Particles bool `json:"particles"`
}

// DefaultConfig is that of models which bring none.
func DefaultConfig() Config {
	return Config{Version: 1, Window: 384, Stride: 128, Question: 64, MaxAnswer: 30, Scoring: Odds, Words: true, Particles: true}
}

// leastPassage is the number of tokens of a passage that a window must hold.
const leastPassage = 8

// Check refuses settings that leave no room. Errors wrap ErrConfig.
func (c Config) Check() error {
	bad := func(format string, v ...any) error {
		return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, v...))
	}
	switch {
	case c.Version != 1:
		return bad("version %d, this program knows 1", c.Version)
	case c.Question < 1 || c.MaxAnswer < 1 || c.Stride < 0:
		return bad("a question of %d tokens, answers of %d, a stride of %d", c.Question, c.MaxAnswer, c.Stride)
	case c.Window-c.Question-specials < leastPassage:
		return bad("a window of %d tokens leaves no room for a passage beside a question of %d", c.Window, c.Question)
	case c.Scoring != Odds && c.Scoring != Probability:
		return bad("scoring %q; there are odds and probability", c.Scoring)
	case math.IsNaN(c.Threshold) || math.IsInf(c.Threshold, 0):
		return bad("the threshold is %g", c.Threshold)
	}
	return nil
}

// Fit shortens the windows, and the question with them, for a model of so many
// positions.
func (c Config) Fit(positions int) Config {
	if c.Window > positions {
		c.Window = positions
		c.Question = max(1, min(c.Question, (positions-specials)/2))
	}
	return c
}

// ReadConfig reads the settings in the model folder fsys, or gives the default
// ones if it has none.
func ReadConfig(fsys fs.FS) (Config, error) {
	data, err := fs.ReadFile(fsys, ConfigName)
	if errors.Is(err, fs.ErrNotExist) {
		return DefaultConfig(), nil
	}
	if err != nil {
		return Config{}, err
	}
	c := DefaultConfig()
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("%s: %w: %w", ConfigName, ErrConfig, err)
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%s: %w", ConfigName, err)
	}
	return c, nil
}

// WriteConfig stores the settings in the model folder dir, whole or not at all.
func WriteConfig(dir string, c Config) error {
	if err := c.Check(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	temp := filepath.Join(dir, "."+ConfigName+".tmp")
	if err := os.WriteFile(temp, append(data, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(dir, ConfigName)); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}
