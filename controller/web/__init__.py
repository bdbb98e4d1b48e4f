"""What every page of the NOC needs: templates, language, assets, and who reads."""
