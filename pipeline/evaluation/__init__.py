"""What a model's probabilities are worth.

- `records.py`: one model's evaluation: labels, probabilities, class names, history
- `metrics.py`: numbers from labels and probabilities
- `significance.py`: what the test images can tell: intervals, and which models differ
- `mistakes.py`: which images and classes it gets wrong
- `label_errors.py`: labels that are likely wrong, by cleanlab
- `calibration.py`: how far its probabilities can be trusted
- `corruptions.py`: spoilt images, and the accuracy that is left
- `lists.py`: every list of failures, by the name of its file
- `settings.py`: how each model was made, as a table
- `comparison.py`: all models side by side in tables, and the verdict
- `summary.py`: the same in Markdown, from the template `summary.md.jinja`
- `card.py`: a model card in Markdown, from the template `card.md.jinja`
- `checks.py`: metrics against the limits of `gate`
"""
