"""What a model's probabilities are worth.

- `records.py`: one model's evaluation: labels, probabilities, class names, history
- `metrics.py`: numbers from labels and probabilities
- `significance.py`: what the test images can tell: intervals, and which models differ
- `comparison.py`: all models side by side, as Markdown and as one HTML page
- `floors.py`: metrics against the floors of `gate`
"""
