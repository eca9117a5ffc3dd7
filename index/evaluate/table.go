package evaluate

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes reports as one table, the best figure of each set in
// bold where there is more than one system.
func WriteMarkdown(w io.Writer, reports []Report) error {
	var b strings.Builder
	b.WriteString("| set | documents | queries | system | nDCG@10 | MRR@10 | recall@10 | recall@100 |\n")
	b.WriteString("|---|--:|--:|---|--:|--:|--:|--:|\n")
	for _, r := range reports {
		best := bestRow(r.Rows)
		for i, row := range r.Rows {
			if i == 0 {
				fmt.Fprintf(&b, "| %s | %d | %d |", r.Set, r.Documents, r.Queries)
			} else {
				b.WriteString("| | | |")
			}
			fmt.Fprintf(&b, " %s |", row.System)
			for j, v := range row.figures() {
				cell := fmt.Sprintf("%.4f", v)
				if len(r.Rows) > 1 && cell == fmt.Sprintf("%.4f", best[j]) {
					cell = "**" + cell + "**"
				}
				fmt.Fprintf(&b, " %s |", cell)
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Row) figures() [4]float64 {
	return [4]float64{r.NDCG10, r.MRR10, r.Recall10, r.Recall100}
}

func bestRow(rows []Row) (best [4]float64) {
	for _, r := range rows {
		for j, v := range r.figures() {
			best[j] = max(best[j], v)
		}
	}
	return best
}
